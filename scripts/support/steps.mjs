import { CommandError } from "./run.mjs";

/**
 * @typedef {object} Counts
 * @property {number} passed Cases that passed.
 * @property {number} failed Cases that failed.
 */

/**
 * @typedef {object} Step
 * @property {string} name What is checked.
 * @property {() => Promise<Counts | string | void>} run Checks it. Resolves to the counts of its cases, to a remark, or
 *   to nothing; the latter two count as one pass. Rejecting counts as one failure.
 */

/**
 * Runs every step, also after a failure, and prints a line for each.
 * @param {Step[]} steps What to run, in order.
 * @returns {Promise<Counts>} The sum over all steps.
 */
export async function runSteps(steps) {
  const total = { passed: 0, failed: 0 };
  for (const step of steps) {
    const start = performance.now();
    const { text, passed, failed } = await runStep(step);
    console.log(`${step.name.padEnd(15)} ${text}  (${((performance.now() - start) / 1000).toFixed(1)} s)`);
    total.passed += passed;
    total.failed += failed;
  }
  return total;
}

/** @param {Step} step What to run. */
async function runStep(step) {
  try {
    const result = await step.run();
    if (typeof result === "object") return { text: summary(result), ...result };
    return { text: result ?? "passed", passed: 1, failed: 0 };
  } catch (error) {
    printFailure(error);
    return { text: "failed", passed: 0, failed: 1 };
  }
}

/** @param {Counts} counts What to put into words. */
export const summary = ({ passed, failed }) => `${passed} passed, ${failed} failed`;

/** @param {unknown} error What a step threw; printed with the end of the failed command's output. */
export function printFailure(error) {
  if (error instanceof CommandError) console.error(`${error.output}\n\n${error.message}`);
  else console.error(error instanceof Error ? error.message : error);
}
