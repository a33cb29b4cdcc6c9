import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';
import { table } from './report.ts';

/** The machine and the versions of the measured software, as a Markdown table. */
export function describeMachine(): string {
  const [cpu] = cpus();
  return table(
    ['', ''],
    [
      ['Processor', `${cpu?.model ?? 'unknown'}, ${cpus().length} cores`],
      ['Memory', `${Math.round(totalmem() / 2 ** 30)} GiB`],
      [
        'Load when the run ended',
        loadavg()
          .map((load) => load.toFixed(1))
          .join(', '),
      ],
      ['System', osName()],
      ['Node', process.version],
      ['RabbitMQ', debianVersion('rabbitmq-server')],
      ['Trove', debianVersion('python3-trove')],
      ['oslo.messaging', debianVersion('python3-oslo.messaging')],
      ['Python', debianVersion('python3')],
    ],
  );
}

function osName(): string {
  return /^PRETTY_NAME="(.*)"$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? process.platform;
}

function debianVersion(name: string): string {
  try {
    return execFileSync('dpkg-query', ['--show', '--showformat', '${Version}', name], { encoding: 'utf8' });
  } catch {
    return 'not of a Debian package';
  }
}
