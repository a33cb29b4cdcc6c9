/** Where the page of the fleet is on the local gateway. */
export const PAGE_PATH = '/fleet';

/** How often the page loads itself anew, in seconds. */
const REFRESH_SECONDS = 5;

/** What a browser lets the page do beside showing itself: nothing. */
export const PAGE_HEADERS = {
  'Content-Type': 'text/html; charset=utf-8',
  'Cache-Control': 'no-store',
  'Content-Security-Policy': "default-src 'none'; style-src 'unsafe-inline'; img-src data:",
};

/** A document around what the page's function answers: CloudWatch has a dashboard for that, a browser has not. */
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
