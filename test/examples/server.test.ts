import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { type ClientRequest, request as openRequest } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { createService, type Service, TOKEN_TYPE } from "../../examples/server/service.js";
import { DEFAULTS, parseSettings, type ServerSettings } from "../../examples/server/settings.js";
import {
  decodeTokenFile,
  decodeWav,
  encodeTokenFile,
  encodeWav,
  loadAudio,
  Tokenizer,
  tokensFromJson,
} from "../../lib/index.js";
import { root } from "../package/root.js";

const SETTINGS: ServerSettings = { ...DEFAULTS, port: 0, maxSeconds: 5, maxBytes: 500_000 };

/** Holds up the tokenizer's work until `release`. */
class Gate {
  readonly calls: number[] = [];
  private opened = Promise.resolve();
  private open = () => {};

  guard(tokenizer: Tokenizer): Tokenizer {
    const gate = this;
    return new Proxy(tokenizer, {
      get(target, name) {
        const value = Reflect.get(target, name, target);
        if (name !== "encode") return typeof value === "function" ? value.bind(target) : value;
        return async (items: Float32Array[], options: { signal: AbortSignal }) => {
          gate.calls.push(items.length);
          const aborted = once(options.signal, "abort").then(() => options.signal.throwIfAborted());
          await Promise.race([gate.opened, aborted]);
          return target.encode(items, options);
        };
      },
    });
  }

  shut(): void {
    this.opened = new Promise((resolve) => {
      this.open = resolve;
    });
  }

  release(): void {
    this.open();
  }
}

describe("the example server", () => {
  let tokenizer: Tokenizer;
  let gate: Gate;
  let service: Service;
  let url: string;
  let speech: Buffer;

  const start = async (settings: Partial<ServerSettings> = {}) => {
    gate = new Gate();
    service = createService(gate.guard(tokenizer), { ...SETTINGS, ...settings });
    await service.app.listen({ host: "127.0.0.1", port: 0 });
    url = `http://127.0.0.1:${(service.app.server.address() as AddressInfo).port}`;
  };
  const post = (path: string, body: Uint8Array | string, type = "audio/wav", headers = {}) =>
    fetch(url + path, { method: "POST", body, headers: { "content-type": type, ...headers } });
  const failureOf = async (response: Response) => {
    const { error } = (await response.json()) as { error: { code: string; message: string; offset?: number } };
    return { status: response.status, ...error };
  };
  const until = async (condition: () => boolean) => {
    for (let i = 0; i < 500 && !condition(); i++) await sleep(5);
    assert.ok(condition());
  };
  const active = async () => ((await (await fetch(`${url}/health`)).json()) as { active: number }).active;

  before(async () => {
    tokenizer = await Tokenizer.load("random:1:tiny", { device: "cpu" });
    speech = await readFile(join(root, "test/fixtures/audio/speech-1s.wav"));
  });
  after(() => tokenizer.close());
  afterEach(() => {
    gate?.release();
    return service?.stop();
  });

  it("tokenises audio files and turns tokens into speech", async () => {
    await start();
    const expected = await tokenizer.encode(await loadAudio(speech));
    const json = await post("/v1/tokens", speech);
    assert.equal(json.status, 200);
    assert.equal(json.headers.get("content-type"), "application/json; charset=utf-8");
    const text = await json.text();
    assert.deepEqual(tokensFromJson(text), expected);
    for (const [path, headers] of [
      ["/v1/tokens?format=lmspt", {}],
      ["/v1/tokens", { accept: TOKEN_TYPE }],
    ] as const) {
      const file = await post(path, speech, "application/octet-stream", headers);
      assert.equal(file.headers.get("content-type"), TOKEN_TYPE);
      assert.deepEqual(decodeTokenFile(await bytesOf(file)), expected);
    }
    const flac = await readFile(join(root, "test/fixtures/audio/speech-1s.flac"));
    assert.deepEqual(tokensFromJson(await (await post("/v1/tokens", flac, "audio/flac")).text()), expected);

    const wav = encodeWav(await tokenizer.decode(expected));
    for (const [body, type] of [
      [text, "application/json"],
      [encodeTokenFile(expected), TOKEN_TYPE],
      [encodeTokenFile(expected), "application/octet-stream"],
    ] as const) {
      const answer = await post("/v1/speech", body, type);
      assert.equal(answer.headers.get("content-type"), "audio/wav");
      assert.deepEqual(await bytesOf(answer), Buffer.from(wav));
    }
    const aux = await post("/v1/speech?mode=aux&encoding=float32", text, "application/json");
    assert.deepEqual(
      decodeWav(await bytesOf(aux)).channels[0],
      (await tokenizer.decode(expected, { mode: "aux" })).samples,
    );
  });

  it("computes what arrives together and has one length together", async () => {
    await start({ maxBatch: 4 });
    gate.shut();
    const { samples, sampleRate } = await loadAudio(speech);
    const clips = Array.from({ length: 12 }, (_, i) => {
      return {
        samples: samples.subarray(0, i % 3 === 0 ? 12_000 : 24_000).map((sample) => sample / (i + 1)),
        sampleRate,
      };
    });
    const answers = clips.map((clip) => post("/v1/tokens", encodeWav(clip, { encoding: "float32" })));
    while ((await active()) < clips.length) await sleep(5);
    gate.release();
    for (const [i, answer] of (await Promise.all(answers)).entries()) {
      assert.deepEqual(tokensFromJson(await answer.text()), await tokenizer.encode(clips[i]!));
    }
    assert.equal(
      gate.calls.reduce((sum, items) => sum + items, 0),
      clips.length,
    );
    assert.ok(Math.max(...gate.calls) > 1 && Math.max(...gate.calls) <= 4, gate.calls.join());
    const metrics = await (await fetch(`${url}/metrics`)).text();
    assert.match(metrics, /^lmspt_requests_total\{route="\/v1\/tokens",status="200"\} 12$/m);
    assert.match(metrics, /^lmspt_audio_seconds_total\{route="\/v1\/tokens"\} 10$/m);
    assert.match(metrics, new RegExp(`^lmspt_batch_items_count ${gate.calls.length}$`, "m"));
  });

  it("answers 429 with Retry-After when it is full, and goes on afterwards", async () => {
    await start({ maxRequests: 3 });
    gate.shut();
    const accepted = [1, 2, 3].map(() => post("/v1/tokens", speech));
    while ((await active()) < 3) await sleep(5);
    const refused = await post("/v1/tokens", speech);
    assert.match(refused.headers.get("retry-after") ?? "", /^[1-9]\d*$/);
    const { status, code, message } = await failureOf(refused);
    assert.deepEqual([status, code], [429, "ERR_SERVER_FULL"]);
    assert.match(message, /3 requests are under way/);
    gate.release();
    for (const answer of await Promise.all(accepted)) assert.equal(answer.status, 200);
    assert.equal((await post("/v1/tokens", speech)).status, 200);
    assert.equal(await active(), 0);
  });

  it("answers wrong requests with a status, a code and a message", async () => {
    await start();
    const broken = Buffer.from(speech);
    broken.write("junk", 8);
    const long = encodeWav({ samples: new Float32Array(48_000), sampleRate: 8_000 });
    const tokens = await tokenizer.encode(await loadAudio(speech));
    const file = Buffer.from(encodeTokenFile(tokens));
    const damaged = Buffer.from(file);
    damaged[200]! ^= 1;
    const foreign = encodeTokenFile({ ...tokens, model: "sha256:00" });
    const cases: [status: number, code: string, message: RegExp, answer: Promise<Response>][] = [
      [400, "ERR_LMSPT_FORMAT", /./, post("/v1/tokens", broken)],
      [400, "ERR_LMSPT_FORMAT", /Expected audio as WAV/, post("/v1/tokens", "no audio", "audio/mpeg")],
      [400, "ERR_SERVER_EMPTY", /is empty/, post("/v1/tokens", "", "audio/wav")],
      [413, "ERR_SERVER_TOO_LARGE", /too large/, post("/v1/tokens", Buffer.alloc(600_000))],
      [413, "ERR_SERVER_TOO_LONG", /at most 5 s of audio but received 6\.0 s/, post("/v1/tokens", long)],
      [415, "ERR_SERVER_MEDIA_TYPE", /text\/plain/, post("/v1/tokens", "x", "text/plain")],
      [415, "ERR_SERVER_MEDIA_TYPE", /application\/json/, post("/v1/tokens", "{}", "application/json")],
      [400, "ERR_SERVER_QUERY", /format/, post("/v1/tokens?format=xml", speech)],
      [400, "ERR_LMSPT_FORMAT", /./, post("/v1/speech", damaged, TOKEN_TYPE)],
      [400, "ERR_LMSPT_FORMAT", /./, post("/v1/speech", "{", "application/json")],
      [409, "ERR_LMSPT_MODEL", /load the model that made them/, post("/v1/speech", foreign, TOKEN_TYPE)],
      [400, "ERR_SERVER_QUERY", /codebooks/, post("/v1/speech?codebooks=9", file, TOKEN_TYPE)],
      [400, "ERR_LMSPT_INVALID_ARGUMENT", /mode/, post("/v1/speech?codebooks=2&mode=aux", file, TOKEN_TYPE)],
      [413, "ERR_SERVER_TOO_LARGE", /too large/, post("/v1/speech", Buffer.alloc(150_000), TOKEN_TYPE)],
      [404, "ERR_SERVER_ROUTE", /POST \/v1\/tokens/, fetch(`${url}/v1/tokens`)],
    ];
    for (const [status, code, message, answer] of cases) {
      const failure = await failureOf(await answer);
      assert.deepEqual([failure.status, failure.code], [status, code], failure.message);
      assert.match(failure.message, message);
      if (/at byte/.test(failure.message)) assert.equal(typeof failure.offset, "number");
    }
    assert.equal(await active(), 0);
  });

  it("gives up the work of clients that leave", async () => {
    await start({ maxRequests: 2 });
    gate.shut();
    const clients = [1, 2].map(() => leaving(`${url}/v1/tokens`, speech));
    await until(() => gate.calls.length > 0);
    while ((await active()) < 2) await sleep(5);
    for (const client of clients) client.destroy();
    while ((await active()) > 0) await sleep(5);
    gate.release();
    assert.equal((await post("/v1/tokens", speech)).status, 200);
  });

  it("finishes what is under way when it stops, and takes no more", async () => {
    await start();
    gate.shut();
    const answer = post("/v1/tokens", speech);
    await until(() => gate.calls.length > 0);
    const stopped = service.stop();
    await assert.rejects(fetch(`${url}/health`));
    gate.release();
    assert.equal((await answer).status, 200);
    await stopped;
  });

  it("gives up what takes longer than the grace period", async () => {
    await start({ graceSeconds: 0 });
    gate.shut();
    const answer = post("/v1/tokens", speech);
    await until(() => gate.calls.length > 0);
    await service.stop();
    const { status, code } = await failureOf(await answer);
    assert.deepEqual([status, code], [503, "ERR_SERVER_STOPPING"]);
  });

  it("is a program that stops at SIGTERM while it works", async function () {
    // Windows has no signals.
    if (process.platform === "win32") this.skip();
    this.timeout(30_000);
    const script = join(root, "dist/examples/server/main.js");
    const args = ["--model", "random:1:tiny", "--device", "cpu", "--port", "0"];
    const child = spawn(process.execPath, [script, ...args], { stdio: ["ignore", "pipe", "inherit"] });
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
    url = /listening on (\S+)$/.exec((await lines.next()).value)![1]!;
    const answers = Array.from({ length: 6 }, () => post("/v1/tokens", speech));
    while ((await active()) === 0) await sleep(1);
    child.kill("SIGTERM");
    const closed = once(child, "close");
    for (const answer of await Promise.allSettled(answers)) {
      if (answer.status === "fulfilled") assert.ok([200, 503].includes(answer.value.status));
    }
    assert.ok((await answers[0]!).status === 200);
    assert.deepEqual(await closed, [0, null]);
  });

  it("says what is wrong with its options", () => {
    assert.deepEqual(parseSettings([]), DEFAULTS);
    assert.equal(parseSettings(["--port", "0", "--max-batch", "3"]).maxBatch, 3);
    assert.throws(() => parseSettings(["--max-batch", "0"]), /Expected a whole number from 1 to 1024 for --max-batch/);
    assert.throws(() => parseSettings(["--colour"]), /colour/);
  });
});

async function bytesOf(response: Response): Promise<Buffer> {
  return Buffer.from(await response.arrayBuffer());
}

/** A request whose client can leave. */
function leaving(url: string, body: Buffer): ClientRequest {
  const request = openRequest(url, { method: "POST", headers: { "content-type": "audio/wav" } });
  request.on("error", () => {});
  request.end(body);
  return request;
}
