import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createSecretKey,
  type KeyObject,
  randomBytes,
} from 'node:crypto';
import { CodedError } from '../coded-error.ts';
import type { Json } from '../oslo/message.ts';

const ALGORITHM = 'aes-256-cbc';
const IV_BYTES = 16;

/** The guest's result does not decrypt with the key that is known for the guest. */
export class KeyMismatch extends CodedError {
  readonly code = 'key_mismatch';
}

/**
 * The counterpart of the `SecureSerializer` in a Trove guest whose RPC is encrypted: context out, result in.
 * AES-256-CBC with PKCS#7, the IV in front, in base64; the cipher's key is the md5 of the instance's key in hex
 * digits. Nothing authenticates the text, so a wrong key shows in what it decrypts to.
 */
export class SecureSerializer {
  readonly #instanceKey: string;
  readonly #key: KeyObject; // given bytes, Node 24 throws and catches a slow exception twice for each cipher

  /** @param instanceKey `instance_rpc_encr_key` in the guest's configuration */
  constructor(instanceKey: string) {
    this.#instanceKey = instanceKey;
    this.#key = createSecretKey(createHash('md5').update(instanceKey).digest('hex'), 'ascii');
  }

  /** Whether this serializer was made of that key. */
  isOfKey(instanceKey: string): boolean {
    return this.#instanceKey === instanceKey;
  }

  /** The request context as an encrypted guest reads it: under the one key `context`. */
  serializeContext(context: Readonly<Record<string, Json>>): string {
    return this.#encrypt(JSON.stringify(context));
  }

  /**
   * A reply's result. A result that is no text was not encrypted: a guest whose RPC is in the clear takes an encrypted ping
   * all the same.
   *
   * @throws KeyMismatch
   */
  deserializeEntity(entity: unknown): unknown {
    if (typeof entity !== 'string') return entity;
    try {
      return JSON.parse(this.#decrypt(entity));
    } catch (error) {
      throw new KeyMismatch('The result does not decrypt', { cause: error });
    }
  }

  #encrypt(text: string): string {
    const iv = randomBytes(IV_BYTES);
    const cipher = createCipheriv(ALGORITHM, this.#key, iv);
    return Buffer.concat([iv, cipher.update(text, 'utf8'), cipher.final()]).toString('base64');
  }

  #decrypt(text: string): string {
    const bytes = Buffer.from(text, 'base64');
    const decipher = createDecipheriv(ALGORITHM, this.#key, bytes.subarray(0, IV_BYTES));
    return Buffer.concat([decipher.update(bytes.subarray(IV_BYTES)), decipher.final()]).toString('utf8');
  }
}
