import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeSafetensors } from "../../../lib/data/safetensors-writer.js";
import { fillRandomly } from "../../../lib/models/initial.js";
import {
  buildVocabulary,
  parseWhisperConfig,
  Recogniser,
  saveTextTokenizer,
  speechRules,
  TextTokenizer,
  Whisper,
} from "../../../lib/models/whisper/index.js";
import { cutWhereQuiet } from "../../../lib/models/whisper/windows.js";
import { randomFloats } from "../../golden.js";

const vocabulary = buildVocabulary(["one two three"], { merges: 2, languages: ["de", "en"] });
const config = parseWhisperConfig({
  num_mel_bins: 20,
  d_model: 32,
  max_source_positions: 40,
  encoder_layers: 1,
  encoder_attention_heads: 2,
  max_target_positions: 10,
  vocab_size: vocabulary.text.size + vocabulary.special.size,
});

describe("the recogniser", () => {
  let folder: string;
  let recogniser: Recogniser;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "lmspt-recogniser-"));
    const whisper = new Whisper(config);
    await fillRandomly(whisper.parameters, 3);
    const tensors = whisper.parameters.map(
      ({ name, shape, variable }) => [name, { dtype: "F32", shape, data: variable.read() as Float32Array }] as const,
    );
    await writeSafetensors(join(folder, "model.safetensors"), tensors);
    await writeFile(join(folder, "config.json"), JSON.stringify(config));
    await saveTextTokenizer(folder, vocabulary);
    recogniser = await Recogniser.load(folder, { device: "cpu", threads: 1 });
  });
  after(async () => {
    await recogniser.close();
    await rm(folder, { recursive: true });
  });
  const audio = { samples: randomFloats(9000, 1), sampleRate: 16000 };

  it("gives the same for the same, also of calls at a time, and finds a language that it has", async () => {
    const [first, second] = await Promise.all([recogniser.transcribe(audio), recogniser.transcribe(audio)]);
    assert.deepEqual(second, first);
    assert(["de", "en"].includes(first.language!));
    assert(first.tokens.length <= 6 && first.tokens.every((token) => token < vocabulary.text.size));
    const told = await recogniser.transcribe(audio, { language: first.language });
    assert.deepEqual(told, first);
  });

  it("hears audio of another rate, and nothing in no samples", async () => {
    const slow = await recogniser.transcribe({ samples: randomFloats(3000, 1), sampleRate: 8000 }, { beams: 2 });
    assert.equal(typeof slow.text, "string");
    await recogniser.transcribe({ samples: new Float32Array(0), sampleRate: 16000 });
  });

  it("refuses what it cannot do", async () => {
    const refused = (promise: Promise<unknown>, message: RegExp) =>
      assert.rejects(promise, { code: "ERR_LMSPT_INVALID_ARGUMENT", message });
    await refused(recogniser.transcribe(audio, { language: "fr" }), /one of de, en/);
    await refused(recogniser.transcribe(audio, { beams: 0 }), /from 1 to 64/);
    await refused(recogniser.transcribe({ samples: [] as never, sampleRate: 16000 }), /Float32Array/);
    await assert.rejects(recogniser.transcribe(join(folder, "none.wav")), { code: "ERR_LMSPT_IO" });
    await assert.rejects(recogniser.transcribe(audio, { signal: AbortSignal.abort() }), { name: "AbortError" });
    await assert.rejects(Recogniser.load(join(folder, "nowhere")), { code: "ERR_LMSPT_IO" });
    const other = await Recogniser.load(folder, { device: "cpu", threads: 1 });
    await other.close();
    await assert.rejects(other.transcribe(audio), { code: "ERR_LMSPT_CLOSED" });
  });

  it("knows English alone by the published size or by generation_config.json, whose tokens it never says", () => {
    const tokenizer = new TextTokenizer(vocabulary);
    assert(speechRules(tokenizer, config).isMultilingual);
    assert(!speechRules(tokenizer, { ...config, vocab_size: 51864 }).isMultilingual);
    const published = { is_multilingual: false, suppress_tokens: [-1, 5], begin_suppress_tokens: [7] };
    const { isMultilingual, suppress, suppressFirst } = speechRules(tokenizer, config, published);
    assert.deepEqual(
      [isMultilingual, suppress.includes(5), suppress.includes(-1), suppressFirst],
      [false, true, false, [7]],
    );
  });

  it("cuts long recordings at the quietest place of the last fifth", () => {
    const samples = new Float32Array(2500).fill(0.5);
    samples.fill(0, 850, 950);
    samples.fill(0, 100, 500);
    const pieces = cutWhereQuiet(samples, 1000);
    assert.equal(
      pieces.reduce((sum, { length }) => sum + length, 0),
      2500,
    );
    assert(pieces[0]!.length >= 800 && pieces[0]!.length <= 1000);
    assert.deepEqual(cutWhereQuiet(samples, 2500), [samples]);
    const loud = new Float32Array(16000).fill(0.5);
    loud.fill(0, 9000, 9400);
    assert(Math.abs(cutWhereQuiet(loud, 10000)[0]!.length - 9200) < 200);
  });
});
