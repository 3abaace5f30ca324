/** What `lmspt info` tells about one thing. */
export interface Description {
  /** For programs. */
  readonly json: object;
  /** For people: names and values. */
  readonly rows: readonly (readonly [name: string, value: string])[];
  /** False where a file is damaged or was never finished. */
  readonly intact: boolean;
}
