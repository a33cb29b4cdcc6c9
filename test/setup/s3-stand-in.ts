import { createHash } from 'node:crypto';
import { type AwsAnswer, type AwsRequest, AwsStandIn } from './aws-stand-in.ts';

/** Stands for one bucket of S3, with what a conditional read and write need. Can fail on purpose. */
export class S3StandIn {
  readonly aws: AwsStandIn;
  /** The objects' texts by path, `/bucket/key`. */
  readonly objects = new Map<string, string>();
  /** Called before each request; an answer is sent in place of S3's. */
  before: (request: AwsRequest) => AwsAnswer | undefined | Promise<AwsAnswer | undefined> = () => undefined;
  /** Called after each request that S3 has carried out; an answer is sent in place of S3's. */
  after: (request: AwsRequest) => AwsAnswer | undefined = () => undefined;

  static async start(): Promise<S3StandIn> {
    return new S3StandIn(await AwsStandIn.start(() => ({ body: '' })));
  }

  private constructor(aws: AwsStandIn) {
    this.aws = aws;
    aws.answer = async (request) => {
      const failure = await this.before(request);
      if (failure !== undefined) return failure;
      const answer = this.#answer(request);
      return this.after(request) ?? answer;
    };
  }

  /** Requests so far, such as `GET /bucket/key?x-id=GetObject`. */
  get requests(): string[] {
    return this.aws.requests.map(({ method, path }) => `${method} ${path}`);
  }

  #answer({ method, path, headers, body }: AwsRequest): AwsAnswer {
    const [place = ''] = path.split('?');
    const text = this.objects.get(place);
    const etag = text === undefined ? undefined : etagOf(text);
    if (method === 'GET') {
      if (text === undefined || etag === undefined) return s3Error(404, 'NoSuchKey');
      const length = String(Buffer.byteLength(text));
      return { headers: { etag, 'content-type': 'application/json', 'content-length': length }, body: text };
    }
    const { 'if-match': expected, 'if-none-match': none } = headers;
    if (expected !== undefined && etag === undefined) return s3Error(404, 'NoSuchKey');
    if ((expected !== undefined && expected !== etag) || (none === '*' && etag !== undefined))
      return s3Error(412, 'PreconditionFailed');
    this.objects.set(place, body);
    return { headers: { etag: etagOf(body) }, body: '' };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.aws.close();
  }
}

/** An error as S3 answers it, in XML. */
export function s3Error(status: number, code: string, message = 'on purpose'): AwsAnswer {
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${message}</Message></Error>`;
  return { status, headers: { 'content-type': 'application/xml' }, body };
}

function etagOf(text: string): string {
  return `"${createHash('md5').update(text).digest('hex')}"`;
}
