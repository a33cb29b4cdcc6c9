/** What RabbitMQ said when it closed a channel or a connection. */
export interface AmqpReply {
  /** AMQP's reply code, such as 403. */
  readonly code: number;
  /** RabbitMQ's own words, such as `ACCESS_REFUSED - …`. There is no password in them. */
  readonly text: string;
}

/** Longer words are cut. */
const MAX_LENGTH = 300;

/** The least reply code of a close. An AbortError has a number for its code, too. */
const MIN_CODE = 300;

/** As amqplib puts a close into the message of its error. */
const CLOSE = /\b(\d{3}) \([^)]*\) with message "(.*)"/s;

/** Finds what RabbitMQ said in an error of amqplib, or in the causes of another one. */
export function amqpReply(error: unknown): AmqpReply | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code, replyCode, replyText } = Object(error);
  if (typeof replyText === 'string') return { code: Number(replyCode), text: bounded(replyText) };
  const [, said, text = ''] = CLOSE.exec(error.message) ?? [];
  if (said !== undefined) return { code: Number(said), text: bounded(text) };
  return code >= MIN_CODE ? { code, text: '' } : amqpReply(error.cause);
}

/** Code and words on one line, for a log; undefined where RabbitMQ said nothing. */
export function brokerSaid(error: unknown): string | undefined {
  const reply = amqpReply(error);
  return reply && `${reply.code} ${reply.text}`.trim();
}

function bounded(text: string): string {
  return text.slice(0, MAX_LENGTH).replaceAll(/\p{C}/gu, ' ');
}
