/** Whisper's decoder, one token at a time: what it has heard and said is kept in variables that its plans update. */
import type { Device } from "../../graph/device.js";
import { Graph, type Value } from "../../graph/graph.js";
import { codebookLookup, reshape } from "../../graph/ops/index.js";
import type { Plan } from "../../graph/plan.js";
import { Variable } from "../../graph/variable.js";
import type { KeysAndValues } from "./attention.js";
import type { Whisper } from "./whisper.js";

/** What a position that is not there yet adds to its score. */
const NOTHING = -1e30;

/** A pair of variables: keys and values of one layer. */
interface Kept {
  readonly keys: Variable;
  readonly values: Variable;
}

export class CachedDecoder {
  private constructor(
    private readonly length: number,
    private readonly hearing: Plan<string>,
    private readonly speaking: Plan<"scores">,
  ) {}

  /** For audio of `samples` samples of 16 kHz, and this many beams at a time. */
  static async create(
    whisper: Whisper,
    device: Device,
    { samples, beams }: { samples: number; beams: number },
  ): Promise<CachedDecoder> {
    const { config } = whisper;
    const heads = config.decoder_attention_heads;
    const size = config.d_model / heads;
    const own = keptPairs(config.decoder_layers, [beams, heads, config.max_target_positions, size]);
    const heard = keptPairs(config.decoder_layers, [1, config.max_source_positions, heads, size]);
    return new CachedDecoder(
      config.max_target_positions,
      await compileHearing(whisper, device, samples, heard),
      await compileSpeaking(whisper, device, beams, own, heard),
    );
  }

  /** Takes in 16 kHz audio; what was said before is forgotten. */
  async hear(audio: Float32Array): Promise<void> {
    await this.hearing.run({ audio });
  }

  /**
   * The scores (beams, vocabulary) of what follows `tokens` (beams), which stand at `position` (from 0) behind what was said
   * in the beams that `parents` names.
   */
  async step(tokens: Int32Array, parents: Int32Array, position: number): Promise<Float32Array> {
    const here = new Float32Array(this.length);
    here[position] = 1;
    const mask = new Float32Array(this.length).fill(NOTHING, position + 1);
    const { scores } = await this.speaking.run({ tokens, parents, position: Int32Array.of(position), here, mask });
    return scores as Float32Array;
  }

  close(): void {
    this.hearing.close();
    this.speaking.close();
  }
}

function keptPairs(layers: number, shape: readonly number[]): Kept[] {
  const zeros = () => Variable.from(new Float32Array(shape.reduce((a, b) => a * b, 1)), shape, { frozen: false });
  return Array.from({ length: layers }, () => ({ keys: zeros(), values: zeros() }));
}

function updatesOf(kept: readonly Kept[], values: readonly KeysAndValues[]): [Variable, Value][] {
  return kept.flatMap(({ keys, values: kept }, i): [Variable, Value][] => [
    [keys, values[i]!.keys],
    [kept, values[i]!.values],
  ]);
}

function compileHearing(
  whisper: Whisper,
  device: Device,
  samples: number,
  heard: readonly Kept[],
): Promise<Plan<string>> {
  const graph = new Graph();
  const features = whisper.encoder.features(graph.input("audio", [1, samples]));
  return graph.compile<string>(device, {}, updatesOf(heard, whisper.decoder.hear(features)));
}

function compileSpeaking(
  whisper: Whisper,
  device: Device,
  beams: number,
  own: readonly Kept[],
  heard: readonly Kept[],
): Promise<Plan<"scores">> {
  const graph = new Graph();
  const length = whisper.config.max_target_positions;
  const parents = graph.input("parents", [beams], "i32");
  const mask = graph.input("mask", [length]);
  const here = reshape(graph.input("here", [length]), [length, 1]);
  const follow = (variable: Variable) => {
    const rows = reshape(graph.variable(variable), [beams, variable.shape.slice(1).reduce((a, b) => a * b, 1)]);
    return reshape(codebookLookup(parents, rows), variable.shape);
  };
  const layers = own.map(({ keys, values }, i) => ({
    own: { keys: follow(keys), values: follow(values) },
    heard: { keys: graph.variable(heard[i]!.keys), values: graph.variable(heard[i]!.values) },
    here,
    mask,
  }));
  const position = graph.input("position", [1], "i32");
  const { scores, own: next } = whisper.decoder.step(graph.input("tokens", [beams], "i32"), position, layers);
  return graph.compile<"scores">(device, { scores }, updatesOf(own, next));
}
