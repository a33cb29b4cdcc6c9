import { INSTANCE_ID } from '../../../functions/guest/topic.ts';
import type { Page } from './gateway.ts';

/** How often the page reloads itself, in seconds. */
const REFRESH_SECONDS = 5;

const HEADERS = {
  'Content-Type': 'text/html; charset=utf-8',
  'Cache-Control': 'no-store',
  // What a browser lets the page do beside showing itself: nothing.
  'Content-Security-Policy': "default-src 'none'; style-src 'unsafe-inline'; img-src data:",
};

/** The path of the fleet's page on the local gateway; that of a guest is below it. */
export const PAGE_PATH = '/fleet';

/** The pages of the fleet and of each guest, for a browser. @param widget makes them of an event, as for CloudWatch's dashboard */
export function browserPage(widget: (event: object) => Promise<unknown>): Page {
  const guestOf = (path: string) => path.slice(PAGE_PATH.length + 1);
  const show = async (path: string) => ({
    statusCode: 200,
    headers: HEADERS,
    body: pageDocument(String(await widget({ instance_id: guestOf(path) }))),
  });
  const isAt = (path: string) =>
    path === PAGE_PATH || (path.startsWith(`${PAGE_PATH}/`) && INSTANCE_ID.test(guestOf(path)));
  return { isAt, show };
}

/** A document around a widget, that reloads itself; on AWS, the dashboard does both. */
export function pageDocument(widget: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<meta http-equiv="refresh" content="${REFRESH_SECONDS}">
<link rel="icon" href="data:,">
<title>The fleet · Guest RPC Ping</title>
<style>body{margin:24px}@media (max-width:640px){body{margin:16px}}</style>
</head>
<body><main>${widget}</main></body>
</html>
`;
}
