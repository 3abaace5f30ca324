/** What exports have in common. */

export interface ExportedFile {
  /** Without a folder. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

export interface ExportOptions {
  /** The version of this package, which files that have a place for it carry. */
  readonly producerVersion: string;
  /** Looked at before each file. */
  readonly signal?: AbortSignal;
}
