/**
 * Layers hold parameters: names and shapes when a model is described, variables once its weights are there. A layer's
 * place in the model gives its parameters their names, which are those of the published weights.
 */
import { LmsptError } from "../errors.js";
import type { Graph, Value } from "../graph/graph.js";
import type { Variable } from "../graph/variable.js";

export class Parameter {
  private assigned: Variable | undefined;

  constructor(
    readonly name: string,
    readonly shape: readonly number[],
    /** How a model without trained weights fills it. */
    readonly initial: Initial,
    /** Whether it is saved with the parameters, but not trained. */
    readonly isBuffer = false,
  ) {}

  assign(variable: Variable): void {
    this.assigned = variable;
  }

  /** What was assigned. Throws ERR_LMSPT_MODEL before that. */
  get variable(): Variable {
    if (!this.assigned) throw new LmsptError("ERR_LMSPT_MODEL", `The parameter ${this.name} has no value yet`);
    return this.assigned;
  }

  /** The parameter as a value of a graph. */
  in(graph: Graph): Value {
    return graph.variable(this.variable);
  }
}

/**
 * Fillings: `normal` with a standard deviation, `norms` = the norms of the rows of the tensor named `of`, one repeated
 * number, or `sinusoids` that tell positions (rows) apart.
 */
export type Initial =
  | { readonly kind: "normal"; readonly deviation: number }
  | { readonly kind: "norms"; readonly of: string; readonly gain: number; readonly start: number }
  | { readonly kind: "constant"; readonly value: number }
  | { readonly kind: "sinusoids" };

/** A place in the tree of layers; collects the parameters that are declared below it. */
export class Scope {
  private constructor(
    private readonly path: string,
    private readonly collected: Parameter[],
  ) {}

  static root(): Scope {
    return new Scope("", []);
  }

  /** `scope.at("block", 0)` is where parameters are called `block.0.*`. */
  at(...names: (string | number)[]): Scope {
    return new Scope([this.path, ...names].filter((name) => name !== "").join("."), this.collected);
  }

  parameter(name: string, shape: readonly number[], initial: Initial): Parameter {
    const parameter = new Parameter(this.pathOf(name), shape, initial);
    this.collected.push(parameter);
    return parameter;
  }

  /** What is saved with the parameters, but not trained; zeros at first. */
  buffer(name: string, shape: readonly number[]): void {
    this.collected.push(new Parameter(this.pathOf(name), shape, { kind: "constant", value: 0 }, true));
  }

  private pathOf(name: string): string {
    return this.path === "" ? name : `${this.path}.${name}`;
  }

  /** All parameters and buffers declared so far, in order. */
  get parameters(): readonly Parameter[] {
    return this.collected;
  }
}
