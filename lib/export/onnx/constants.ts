/** What of a graph does not depend on its inputs: weights, and what is computed of them alone. */
import type { Device } from "../../graph/device.js";
import type { Value } from "../../graph/graph.js";
import type { Data } from "../../graph/native.js";
import type { Variable } from "../../graph/variable.js";
import type { SymbolicGraph } from "../symbolic-graph.js";

/** A value that is the same in every run. */
export interface Constant {
  readonly name: string;
  readonly data: Data;
  readonly shape: readonly number[];
}

/**
 * The constants that the rest of the graph reads, by their numbers; the engine itself computes them, weight norm
 * included. `names` gives the variables theirs.
 */
export async function foldConstants(
  graph: SymbolicGraph,
  device: Device,
  names: ReadonlyMap<Variable, string>,
): Promise<Map<number, Constant>> {
  const constants = new Map<number, Constant>();
  const computed: Record<string, Value> = {};
  const keep = (id: number, data: Data) =>
    constants.set(id, { name: nameOf(id, graph, names), data, shape: graph.sample.value(id).shape });
  for (const id of readByOthers(graph)) {
    const { sample } = graph.maker(id);
    if (sample.kind === "variable") keep(id, sample.variable.read());
    if (sample.kind === "constant") keep(id, sample.data);
    if (sample.kind === "op") computed[id] = graph.sample.value(id);
  }
  if (Object.keys(computed).length === 0) return constants;
  const plan = await graph.sample.compile(device, computed);
  for (const [id, data] of Object.entries(await plan.run({}))) keep(Number(id), data);
  return constants;
}

function readByOthers(graph: SymbolicGraph): Set<number> {
  const others = graph.nodes.filter((node) => !graph.isConstant(node.outputs[0]!));
  const read = [graph.output, ...others.flatMap((node) => node.inputs)];
  return new Set(read.filter((id) => id !== undefined && graph.isConstant(id)) as number[]);
}

/** That of the first variable it is computed of; a normalised weight loses the mark of its unnormalised form. */
function nameOf(id: number, graph: SymbolicGraph, names: ReadonlyMap<Variable, string>): string {
  const { sample } = graph.maker(id);
  if (sample.kind === "variable") return names.get(sample.variable) ?? "weight";
  const source = sample.kind === "op" ? sample.inputs.find((input) => input !== undefined) : undefined;
  return source === undefined ? "constant" : nameOf(source, graph, names).replace(/\.weight_v$/, ".weight");
}
