/** How many sweeps run at once, and how many dashboards are served at once; each of these takes a fraction of a second. */
export const CONCURRENCY = { sweep: 1, page: 2 } as const;
