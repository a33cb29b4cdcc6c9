import type { Theme } from './stylesheet.ts';

/** What a CloudWatch dashboard asks of a custom widget's function: what the widget is, or the widget itself. */
export type WidgetRequest = { readonly kind: 'describe' } | { readonly kind: 'show'; readonly theme: Theme };

/**
 * Reads the event of a custom widget. Of `widgetContext` the theme alone is of interest; any other event asks for the
 * widget too, in the colours of the browser's own theme.
 */
export function readWidgetEvent(event: unknown): WidgetRequest {
  const { describe, widgetContext } = Object(event);
  if (describe === true) return { kind: 'describe' };
  const { theme } = Object(widgetContext);
  return { kind: 'show', theme: theme === 'light' || theme === 'dark' ? theme : 'system' };
}
