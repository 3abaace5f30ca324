import assert from "node:assert/strict";
import { LmsptError } from "../lib/errors.js";

/** Checks that every call throws or rejects with ERR_LMSPT_INVALID_ARGUMENT and a message that begins with these words. */
export async function assertRefused(calls: readonly (readonly [call: () => unknown, beginning: string])[]) {
  for (const [call, beginning] of calls) {
    await assert.rejects(
      async () => await call(),
      (error) => {
        assert(error instanceof LmsptError, `${call}: ${error}`);
        assert.equal(error.code, "ERR_LMSPT_INVALID_ARGUMENT", String(call));
        assert(error.message.startsWith(beginning), `${call}: ${error.message}`);
        return true;
      },
    );
  }
}

/** A value that has not the type it is passed for. */
export const wrong = (value: unknown) => value as never;
