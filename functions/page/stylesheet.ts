import { type Html, html } from './html.ts';

/** As CloudWatch names its themes; `system` follows the browser's. */
export type Theme = 'light' | 'dark' | 'system';

const LIGHT =
  '--ink:#16191f;--dim:#545b64;--line:#d5dbdb;--bad:#b3261e;--on-bad:#fff;--warn:#8a5300;--good:#1a7a34';
const DARK =
  '--ink:#e6e9ec;--dim:#a3adb8;--line:#3b4654;--bad:#ff8a80;--on-bad:#16191f;--warn:#f5c04f;--good:#6fcf7f';

/** No text has less than 4.5 : 1 of contrast against white, or against CloudWatch's dark #0f1b2a. */
const RULES = html`
.fleet{color:var(--ink);font:14px/20px system-ui,sans-serif;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
.fleet h1{font-size:22px;line-height:28px;margin:0;padding:2px 0 2px 12px;border-left:6px solid;color:inherit;font-weight:600}
.fleet h1.stale{background:var(--bad);color:var(--on-bad);padding:10px 12px}
.fleet .bad{color:var(--bad)}.fleet .warn{color:var(--warn)}.fleet .good{color:var(--good)}
.fleet p{margin:2px 0 0}
.fleet .facts{color:var(--dim);margin:6px 0 0 18px}
.fleet .trouble{margin:10px 0 0 18px;max-width:70em}
.fleet .legend{list-style:none;display:flex;flex-wrap:wrap;gap:2px 20px;margin:18px 0 8px;padding:0}
.fleet svg{vertical-align:-2px;fill:none}
.fleet .squares{display:block;max-width:100%;height:auto}
.fleet path.unreachable{stroke:var(--bad)}.fleet path.recovering{stroke:var(--warn)}
.fleet path.unknown,.fleet path.apart{stroke:var(--dim)}.fleet path.reachable{stroke:var(--good)}
.fleet table{border-collapse:collapse;width:100%;max-width:960px;margin:20px 0 0}
.fleet th,.fleet td{text-align:left;vertical-align:top;padding:4px 16px 4px 0;border-bottom:1px solid var(--line);font-weight:400}
.fleet thead th{color:var(--dim);font-size:12px;white-space:nowrap}
.fleet tbody th{padding-top:16px;border-bottom-color:var(--ink)}
.fleet th p{color:var(--dim);max-width:75em}
.fleet td{white-space:nowrap}
.fleet .number{text-align:right;padding-right:0}
.fleet code{font:13px ui-monospace,monospace}
.fleet small,.fleet .more{color:var(--dim);font-size:12px}
.fleet small.warn{color:var(--warn)}
.fleet td small{margin-left:8px}.fleet td .project+small{margin-left:0}
.fleet a{color:inherit}
.fleet .history{width:auto}
.fleet .history .number{padding-right:16px}
.fleet .history td:nth-child(4){white-space:normal}
@media (max-width:640px){
.fleet{font-size:13px;line-height:18px}
.fleet h1{font-size:20px;line-height:24px}
.fleet .facts,.fleet .trouble{margin:6px 0 0}
.fleet .legend{gap:0 16px;margin:10px 0 6px}
.fleet table{margin:12px 0 0}
.fleet .history td,.fleet .history th{padding-right:12px;white-space:normal;overflow-wrap:normal}
.fleet .history td:nth-child(-n+2){min-width:78px}.fleet .history td:nth-child(3){min-width:56px}.fleet .history td:nth-child(4){overflow-wrap:anywhere;min-width:90px}
.fleet .guests code{font-size:11px}.fleet td code+small,.fleet td a+small{margin-left:6px}
.fleet .guests thead,.fleet .means,.fleet .project,.fleet .none{display:none}
.fleet .guests tr{display:flex;flex-wrap:wrap;gap:0 12px;padding:4px 0;border-bottom:1px solid var(--line)}
.fleet .guests th,.fleet .guests td{border:0;padding:0;white-space:normal}
.fleet .guests th{padding-top:6px}
.fleet .guests td:first-child{flex:1 0 100%}
.fleet .guests td:nth-child(2)::before{content:"since "}
.fleet .guests td:nth-child(4)::after{content:" waiting"}
}`;

/** The page's CSS. Nothing in it comes from the state. */
export function stylesheet(theme: Theme): Html {
  const dark = html`@media (prefers-color-scheme:dark){.fleet{${DARK}}}`;
  return html`<style>.fleet{${theme === 'dark' ? DARK : LIGHT}}${theme === 'system' ? dark : undefined}${RULES}</style>`;
}
