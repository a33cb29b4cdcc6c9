import { ROUTE } from '../http/request.ts';
import { jsonLines } from './fleet-json.ts';
import type { GuestStatus } from './fleet-status.ts';

/** Where the ping of a guest is found. */
export interface PingsAt {
  /** Of the API, without a slash at the end. */
  readonly url: string;
  /** The caller's project, where Keystone asks for it; undefined: any will do. */
  readonly projectId: string | undefined;
}

/**
 * The URL of each guest's ping as Prometheus' http_sd reads it, a guest a line. What Trove says is in labels that begin
 * with `__meta_trove_`.
 */
export function* pingTargets(guests: readonly GuestStatus[], { url, projectId }: PingsAt): Iterable<string> {
  const targetOf = ({ instance_id: id, name, project_id: project, hypervisor }: GuestStatus) => {
    const tenant = encodeURIComponent(projectId ?? project ?? '-');
    const target = url + ROUTE.path.replace('{tenant_id}', tenant).replace('{instance_id}', id);
    const labels = {
      __meta_trove_instance_id: id,
      __meta_trove_name: name,
      __meta_trove_project: project,
      __meta_trove_hypervisor: hypervisor,
    };
    return { targets: [target], labels };
  };
  yield* jsonLines(guests.values().map(targetOf));
  yield '\n';
}
