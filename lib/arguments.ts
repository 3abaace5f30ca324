/**
 * Checks of what callers pass: JavaScript reaches functions that are typed for TypeScript with anything. Every check
 * throws ERR_LMSPT_INVALID_ARGUMENT, which says what was expected and what came.
 */
import { invalidArgument } from "./errors.js";

/** What an argument may be: a test, and its name for people. */
export interface Kind {
  readonly expected: string;
  readonly holds: (value: unknown) => boolean;
}

export const TEXT: Kind = { expected: "text", holds: (value) => typeof value === "string" };
export const A_NUMBER: Kind = { expected: "a number", holds: (value) => typeof value === "number" };
export const A_FUNCTION: Kind = { expected: "a function", holds: (value) => typeof value === "function" };
export const AN_OBJECT: Kind = { expected: "an object", holds: isObject };
export const AN_ARRAY: Kind = { expected: "an array", holds: Array.isArray };
export const ITERABLE: Kind = {
  expected: "a list or another iterable",
  holds: (value) => isObject(value) && Symbol.iterator in value,
};
export const TRUE_OR_FALSE: Kind = { expected: "true or false", holds: (value) => typeof value === "boolean" };
export const A_FLOAT32_ARRAY: Kind = { expected: "a Float32Array", holds: (value) => value instanceof Float32Array };
export const A_UINT8_ARRAY: Kind = { expected: "a Uint8Array", holds: (value) => value instanceof Uint8Array };
export const FLOATS_OR_INTEGERS: Kind = {
  expected: "a Float32Array or an Int32Array",
  holds: (value) => value instanceof Float32Array || value instanceof Int32Array,
};
/** Signals of another realm or a polyfill are as good. */
export const AN_ABORT_SIGNAL: Kind = {
  expected: "an AbortSignal",
  holds: (value) => isObject(value) && "aborted" in value && "throwIfAborted" in value,
};
export const A_PATH: Kind = {
  expected: "a path (text without null characters)",
  holds: (value) => typeof value === "string" && !value.includes("\0"),
};

export function oneOf(...choices: readonly string[]): Kind {
  const quoted = choices.map((choice) => JSON.stringify(choice));
  return {
    expected: [quoted.slice(0, -1).join(", "), quoted.at(-1)].filter(Boolean).join(" or "),
    holds: (value) => choices.includes(value as string),
  };
}

export function requireKind(name: string, kind: Kind, value: unknown): void {
  if (!kind.holds(value)) throw invalidArgument(name, kind.expected, value);
}

/** Checks an object of options, and those of them that are given and named here; gives it back. */
export function checkOptions<T extends object>(options: T, kinds: { readonly [name in keyof T]?: Kind } = {}): T {
  if (!isObject(options) || Array.isArray(options)) throw invalidArgument("the options", "an object", options);
  for (const [name, kind] of Object.entries<Kind | undefined>(kinds)) {
    const value = options[name as keyof T];
    if (kind !== undefined && value !== undefined) requireKind(name, kind, value);
  }
  return options;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
