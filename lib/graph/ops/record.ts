/** What all typed operations share: the graph is that of the first operand. */
import { invalidArgument } from "../../errors.js";
import { Value } from "../graph.js";
import type { AttributeValue } from "../native.js";

/** Records an operation that gives one value. Optional operands may be absent, but not the first. */
export function record(
  op: string,
  operands: readonly (Value | undefined)[],
  attributes?: Readonly<Record<string, AttributeValue>>,
): Value {
  return requireValue(op, operands[0]).graph.apply(op, operands, attributes)[0]!;
}

/** The attribute that holds an operation to float32, whatever the plan's precision. */
export const exactPrecision = (exact: boolean | undefined) => (exact ? 1 : undefined);

/** Checks an operand that is looked into before it is recorded. @throws LmsptError ERR_LMSPT_INVALID_ARGUMENT */
export function requireValue(op: string, operand: unknown): Value {
  if (operand instanceof Value) return operand;
  throw invalidArgument(`an operand of ${op}`, "a Value of a graph", operand);
}
