import { INSTANCE_ID } from '../guest/topic.ts';
import type { LinkTo } from './guest-table.ts';
import { html } from './html.ts';
import type { Theme } from './stylesheet.ts';

/** What a CloudWatch dashboard requests of a custom widget's function. */
export interface WidgetRequest {
  /** The documentation, and nothing else. */
  readonly isDescribe: boolean;
  readonly theme: Theme;
  /** The guest whose page is asked for; undefined: the fleet's. */
  readonly instanceId: string | undefined;
  /** Whether CloudWatch asks, which follows no links but its own. */
  readonly isWidget: boolean;
}

/** Reads the event of a custom widget. Any other event requests the widget in the browser's own theme. */
export function readWidgetEvent(event: unknown): WidgetRequest {
  const { describe, widgetContext, instance_id: id } = Object(event);
  const { theme } = Object(widgetContext);
  return {
    isDescribe: describe === true,
    theme: theme === 'light' || theme === 'dark' ? theme : 'system',
    instanceId: typeof id === 'string' && INSTANCE_ID.test(id) ? id : undefined,
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
