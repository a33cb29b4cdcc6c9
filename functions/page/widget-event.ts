import type { Theme } from './stylesheet.ts';

/** What a CloudWatch dashboard requests of a custom widget's function: its documentation, or the widget. */
export type WidgetRequest = { readonly kind: 'describe' } | { readonly kind: 'show'; readonly theme: Theme };

/** Reads the event of a custom widget. Any other event requests the widget in the browser's own theme. */
export function readWidgetEvent(event: unknown): WidgetRequest {
  const { describe, widgetContext } = Object(event);
  if (describe === true) return { kind: 'describe' };
  const { theme } = Object(widgetContext);
  return { kind: 'show', theme: theme === 'light' || theme === 'dark' ? theme : 'system' };
}
