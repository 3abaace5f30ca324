/**
 * The state of a translation: which ONNX value stands for which recorded one. The engine is channels-last, ONNX's
 * convolutions are channels-first; a value of three dimensions may be there in either layout, or in both.
 */
import type { SymbolicGraph, SymbolicNode } from "../symbolic-graph.js";
import type { Constant } from "./constants.js";
import type { OnnxGraphBuilder } from "./graph-builder.js";

/** `"recorded"`: dimensions as recorded, (B, T, C). `"channels-first"`: (B, C, T), for three dimensions only. */
export type Layout = "recorded" | "channels-first";

/** Adds the ONNX nodes of one recorded operation. */
export type Translator = (node: SymbolicNode, translation: Translation) => void;

export class Translation {
  private readonly names = new Map<number, Map<Layout, string>>();

  constructor(
    readonly graph: SymbolicGraph,
    readonly onnx: OnnxGraphBuilder,
    private readonly constants: ReadonlyMap<number, Constant>,
  ) {}

  /** The data of a value that does not depend on the inputs. */
  constant(id: number): Constant | undefined {
    return this.constants.get(id);
  }

  /** The ONNX value in a layout; where it is there in the other one alone, it is transposed. */
  get(id: number, layout: Layout): string {
    const names = this.namesOf(id);
    const name = names.get(layout);
    if (name !== undefined) return name;
    const [other] = names.values();
    const transposed = this.onnx.node("Transpose", [other], { perm: [0, 2, 1] });
    names.set(layout, transposed);
    return transposed;
  }

  /** As `get`, for an optional input. */
  find(id: number | undefined, layout: Layout): string | undefined {
    return id === undefined ? undefined : this.get(id, layout);
  }

  /** Whether the value is there channels-first; then that is the layout to go on with. */
  isChannelsFirst(id: number): boolean {
    return this.names.get(id)?.has("channels-first") ?? false;
  }

  set(id: number, layout: Layout, name: string): void {
    this.names.set(id, new Map([[layout, name]]));
  }

  private namesOf(id: number): Map<Layout, string> {
    let names = this.names.get(id);
    if (!names) {
      const { name, data, shape } = this.constants.get(id)!;
      names = new Map([["recorded", this.onnx.tensor(name, data, shape)]]);
      this.names.set(id, names);
    }
    return names;
  }
}
