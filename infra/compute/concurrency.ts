/** How many sweeps run at once, and how many dashboards and lists of the fleet are made at once; those take a moment. */
export const CONCURRENCY = { sweep: 1, page: 2, fleet: 2 } as const;
