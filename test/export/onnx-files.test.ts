/** What an exported ONNX file holds. */
import assert from "node:assert/strict";
import type { ExportedFile, ExportOptions } from "../../lib/export/exported-file.js";
import { exportOnnx } from "../../lib/export/onnx/export.js";
import { decodeModel, ELEMENT, type ModelProto, type ValueInfoProto } from "../../lib/export/onnx/schema.js";
import { type LoadedModel, loadModel } from "../../lib/models/load.js";
import { randomModel, SMALL_FIELDS } from "../models/small-models.js";

describe("exported ONNX files", () => {
  let loaded: LoadedModel;
  let models: Map<string, ModelProto>;
  before(async () => {
    loaded = await loadModel("random:1:tiny");
    models = new Map((await collect(loaded)).map(({ name, bytes }) => [name, decodeModel(bytes)]));
  });

  it("are three, in the order in which they are used", () => {
    assert.deepEqual([...models.keys()], ["encode.onnx", "decode.onnx", "aux_decode.onnx"]);
  });

  it("are of operator set 17 and have named batch sizes and lengths", () => {
    const ports = (list: readonly ValueInfoProto[]) => list.map(describePort);
    const audio = ["audio", ELEMENT.float, ["batch", 1, "samples"]];
    const codes = ["codes", ELEMENT.int64, ["batch", 8, "frames"]];
    for (const [name, { irVersion, opsetImport, graph, producerName, producerVersion }] of models) {
      assert.deepEqual([irVersion, producerName, producerVersion], [8, "lmspt", "1.2.3"]);
      assert.deepEqual(opsetImport, [{ version: 17 }]);
      const [input, output] = name === "encode.onnx" ? [audio, codes] : [codes, audio];
      assert.deepEqual(ports(graph.input), [input]);
      assert.deepEqual(ports(graph.output), [output]);
    }
  });

  it("name every value once, before it is read, and hold no weight that is not read", () => {
    for (const { graph } of models.values()) {
      const sources = [...graph.input, ...graph.initializer].map(({ name }) => name);
      const known = new Set(sources);
      const read = new Set<string>();
      assert.equal(known.size, sources.length);
      for (const node of graph.node) {
        for (const name of node.input.filter((input) => input !== "")) {
          assert(known.has(name), `${node.name} reads ${name} before it is there`);
          read.add(name);
        }
        for (const name of node.output) {
          assert(!known.has(name), `${name} is made twice`);
          known.add(name);
        }
      }
      for (const { name } of graph.output) assert(known.has(name));
      assert.deepEqual(
        sources.filter((name) => !read.has(name)),
        [],
      );
    }
  });

  it("hold folded weights under the published names", () => {
    const names = models.get("decode.onnx")!.graph.initializer.map(({ name }) => name);
    for (const name of ["decoder.model.1.block.1.weight", "decoder.model.0.bias", "decoder.model.6.alpha"]) {
      assert(names.includes(name), name);
    }
    assert.deepEqual(
      names.filter((name) => /weight_[gv]|usage/.test(name)),
      [],
    );
    const weight = models.get("decode.onnx")!.graph.initializer.find(({ name }) => name === "decoder.model.0.weight")!;
    assert.deepEqual(weight.dims, [64, 32, 7]);
    assert.equal(weight.rawData.length, 64 * 32 * 7 * 4);
  });

  it("stay channels-first between convolutions: only code frames are transposed", () => {
    const { n_codebooks: codebooks } = loaded.model.config;
    for (const { graph } of models.values()) {
      const transposed = graph.node.filter(({ opType }) => opType === "Transpose").length;
      assert(transposed <= 2 * codebooks + 2, `${graph.name} has ${transposed} transpositions`);
      const makers = new Map(graph.node.flatMap((node) => node.output.map((name) => [name, node.opType])));
      for (const node of graph.node.filter(({ opType }) => opType === "Conv")) {
        const isProjection = node.input[1]!.includes("quantizer");
        if (!isProjection) assert.notEqual(makers.get(node.input[0]!), "Transpose", node.input[1]);
      }
    }
  });

  it("tell where they come from", () => {
    for (const { metadataProps, docString } of models.values()) {
      const metadata = Object.fromEntries(metadataProps.map(({ key, value }) => [key, value]));
      assert.equal(metadata.model, loaded.fingerprint);
      assert.equal(metadata.untrained, "true");
      assert.equal(metadata.samples_per_frame, "1920");
      assert.equal(metadata.aux_sample_rate, "16000");
      assert.deepEqual(JSON.parse(metadata.config!), JSON.parse(JSON.stringify(loaded.model.config)));
      assert(!("licence" in metadata));
      assert.match(docString, /float32 \[batch, 1, samples\]/);
    }
  });

  it("carry the licence of the weights", async () => {
    const model = await randomModel(SMALL_FIELDS);
    const licence = { id: "X-1.0", commercialUse: false, notice: "Not for sale." };
    const [file] = await collect({ ...loaded, model, untrained: false, licence });
    const { metadataProps } = decodeModel(file!.bytes);
    assert.equal(metadataProps.find(({ key }) => key === "licence")?.value, "Not for sale.");
    assert.equal(metadataProps.find(({ key }) => key === "untrained")?.value, "false");
  });

  it("are the same for the same model", async () => {
    const [first, second] = [await collect(loaded), await collect(loaded)];
    assert.deepEqual(second, first);
  });

  it("are not made after an abort", async () => {
    const controller = new AbortController();
    const made: string[] = [];
    const exporting = (async () => {
      for await (const { name } of exportOnnx(loaded, { producerVersion: "1", signal: controller.signal })) {
        made.push(name);
        controller.abort(new Error("enough"));
      }
    })();
    await assert.rejects(exporting, /^Error: enough$/);
    assert.deepEqual(made, ["encode.onnx"]);
  });
});

async function collect(loaded: LoadedModel, options: ExportOptions = { producerVersion: "1.2.3" }) {
  const files: ExportedFile[] = [];
  for await (const file of exportOnnx(loaded, options)) files.push(file);
  return files;
}

function describePort({ name, type: { tensorType } }: ValueInfoProto) {
  return [name, tensorType.elemType, tensorType.shape.dim.map(({ dimValue, dimParam }) => dimParam ?? dimValue)];
}
