/** Checked access to the fields of a configuration that comes from outside. */
import { LmsptError } from "../errors.js";

const LARGEST_SIZE = 2 ** 24;

export class Fields {
  private readonly values: Readonly<Record<string, unknown>>;

  constructor(
    source: unknown,
    private readonly path: string,
  ) {
    if (typeof source !== "object" || source === null || Array.isArray(source)) refuseField(path, "an object", source);
    this.values = source as Record<string, unknown>;
  }

  size(name: string, fallback?: number): number {
    const value = this.get(name, fallback);
    if (!isSize(value)) refuseField(this.name(name), "an integer from 1 to 2^24", value);
    return value;
  }

  number(name: string, fallback: number): number {
    const value = this.get(name, fallback);
    if (typeof value !== "number" || !(value >= 0 && value <= 1))
      refuseField(this.name(name), "a number from 0 to 1", value);
    return value;
  }

  flag(name: string, fallback: boolean): boolean {
    const value = this.get(name, fallback);
    if (typeof value !== "boolean") refuseField(this.name(name), "true or false", value);
    return value;
  }

  rates(name: string, fallback?: readonly number[]): readonly number[] {
    const value = this.get(name, fallback);
    const valid = Array.isArray(value) && value.length >= 1 && value.length <= 16 && value.every(isSize);
    if (!valid) refuseField(this.name(name), "a list of 1 to 16 positive integers", value);
    return value;
  }

  /** Numbers of levels of a finite scalar quantizer. */
  levels(name: string): readonly number[] {
    const value = this.rates(name);
    const codes = value.reduce((a, b) => a * b, 1);
    if (Math.min(...value) < 2 || codes > LARGEST_SIZE) {
      refuseField(this.name(name), "levels of at least 2 whose product is at most 2^24", value);
    }
    return value;
  }

  choice<T extends string>(name: string, choices: readonly T[], fallback: T): T {
    const value = this.get(name, fallback);
    if (!choices.includes(value as T))
      refuseField(this.name(name), choices.map((c) => JSON.stringify(c)).join(" or "), value);
    return value as T;
  }

  /** An absent or null object is one without fields. */
  object(name: string): Fields {
    return new Fields(this.get(name, {}), this.name(name));
  }

  private get(name: string, fallback: unknown): unknown {
    const value = Object.hasOwn(this.values, name) ? this.values[name] : undefined;
    return value ?? fallback;
  }

  private name(name: string): string {
    return this.path === "config" ? name : `${this.path}.${name}`;
  }
}

function isSize(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= LARGEST_SIZE;
}

export function refuseField(name: string, expected: string, received: unknown): never {
  throw new LmsptError(
    "ERR_LMSPT_MODEL",
    `Expected ${expected} for ${name} in the model's configuration but received ${JSON.stringify(received)}`,
  );
}
