import assert from "node:assert/strict";
import { runInNewContext } from "node:vm";
import { A_FUNCTION, A_PATH, AN_ABORT_SIGNAL, checkOptions, oneOf, requireKind } from "../lib/arguments.js";
import { assertRefused, wrong } from "./refusals.js";

describe("arguments", () => {
  it("options are an object; what is named and given is checked, the rest is left alone", async () => {
    const kinds = { signal: AN_ABORT_SIGNAL, onProgress: A_FUNCTION };
    const check = (given: { signal?: unknown; onProgress?: unknown }) => checkOptions(given, kinds);
    const options = { signal: AbortSignal.abort(), onProgress: () => {}, other: 5 };
    assert.equal(check(options), options);
    check({});
    check({ signal: undefined });
    await assertRefused([
      [() => check(wrong(null)), "Expected an object for the options but received null"],
      [() => check(wrong(5)), "Expected an object for the options but received 5"],
      [() => check(wrong([])), "Expected an object for the options but received an array of 0"],
      [() => check({ signal: 5 }), "Expected an AbortSignal for signal but received 5"],
      [() => check({ signal: {} }), "Expected an AbortSignal for signal but received an object of Object"],
      [() => check({ signal: null }), "Expected an AbortSignal for signal but received null"],
      [() => check({ onProgress: "x" }), 'Expected a function for onProgress but received "x"'],
    ]);
  });

  it("a signal of another realm is one", () => {
    const signal = runInNewContext("({ aborted: false, throwIfAborted() {} })");
    requireKind("signal", AN_ABORT_SIGNAL, signal);
  });

  it("paths are text without null characters, choices are listed", async () => {
    requireKind("path", A_PATH, "a b.wav");
    await assertRefused([
      [() => requireKind("path", A_PATH, "a\0b"), "Expected a path (text without null characters) for path but"],
      [() => requireKind("path", A_PATH, Buffer.from("a")), "Expected a path"],
      [() => requireKind("x", oneOf("a", "b", "c"), "d"), 'Expected "a", "b" or "c" for x but received "d"'],
      [() => requireKind("x", oneOf("a"), undefined), 'Expected "a" for x but received undefined'],
    ]);
  });
});
