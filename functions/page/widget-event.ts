import { INSTANCE_ID } from '../guest/topic.ts';
import type { LinkTo } from './guest-table.ts';
import { html } from './html.ts';
import type { Theme } from './stylesheet.ts';

/** Reads the event of a custom widget of CloudWatch. Any other event requests the page in the browser's own theme. */
export function readWidgetEvent(event: unknown) {
  const { describe, widgetContext, instance_id: id } = Object(event);
  const { theme: wanted } = Object(widgetContext);
  const theme: Theme = wanted === 'light' || wanted === 'dark' ? wanted : 'system';
  return {
    /** The documentation is requested, and nothing else. */
    isDescribe: describe === true,
    theme,
    /** The guest whose page is requested; undefined: the fleet's. */
    instanceId: typeof id === 'string' && INSTANCE_ID.test(id) ? id : undefined,
    /** Whether CloudWatch asks, which follows no links but its own. */
    isWidget: widgetContext !== undefined,
  };
}

/** Links to the guests' pages on the gateway of `npm start`. */
export const BY_PATH: LinkTo = (id, text) => html`<a href="/fleet/${id}">${text}</a>`;

/** Links that CloudWatch follows: it invokes this function once more, and shows what that returns in a window. */
export function byAction(functionArn: string): LinkTo {
  return (id, text) =>
    html`<a>${text}</a><cwdb-action action="call" display="popup" endpoint="${functionArn}">${JSON.stringify({ instance_id: id })}</cwdb-action>`;
}
