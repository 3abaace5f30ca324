/**
 * Speech to tokens and back over HTTP. Requests of equal length that arrive at about the same time are computed together;
 * examples/server/README.md describes the routes.
 */
import { availableParallelism } from "node:os";
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import {
  Batcher,
  type DecodeMode,
  decodeTokenFile,
  encodeTokenFile,
  encodeWav,
  loadAudio,
  type Tokenizer,
  type Tokens,
  tokensFromJson,
  tokensToJson,
  type WavWriteEncoding,
} from "../../lib/index.js";
import { Admission } from "./admission.js";
import { explainFailure, HttpFailure } from "./failures.js";
import { Metrics } from "./metrics.js";
import type { ServerSettings } from "./settings.js";
import { Turns } from "./turns.js";

export const TOKEN_TYPE = "application/vnd.lmspt.tokens";
const BINARY_TYPE = "application/octet-stream";
/** The highest rate and the most channels of audio that is decoded at full length. */
const LARGEST_RATE = 192_000;
const MOST_CHANNELS = 2;
/** Characters of JSON that a code takes, at most. */
const JSON_CODE_BYTES = 8;
const JSON_REST_BYTES = 65_536;
/** For the whole of a request to arrive. */
const UPLOAD_MS = 30_000;

declare module "fastify" {
  interface FastifyRequest {
    /** Of requests that compute: aborted when the client leaves or the server gives up. */
    work: AbortController | undefined;
  }
}

export interface Service {
  readonly app: FastifyInstance;
  /** Takes no more requests; resolves when those under way are answered, at the latest after the grace period. */
  stop(): Promise<void>;
}

export function createService(tokenizer: Tokenizer, settings: ServerSettings): Service {
  const admission = new Admission(settings.maxRequests);
  const metrics = new Metrics(() => admission.active);
  const { maxBatch, waitMs } = settings;
  const batcher = new Batcher(tokenizer, { maxBatch, waitMs, onBatch: (items) => metrics.batches.observe(items) });
  const machinery = { tokenizer, batcher, metrics, settings };
  const app = Fastify({ requestTimeout: UPLOAD_MS, bodyLimit: settings.maxBytes });
  app.removeAllContentTypeParsers();
  app.decorateRequest("work", undefined);
  app.setErrorHandler((error: Error, _request, reply) => answerFailure(error, reply));
  app.setNotFoundHandler((request, reply) => {
    const routes = "POST /v1/tokens, POST /v1/speech, GET /health and GET /metrics";
    const message = `There is no ${request.method} ${request.url}; there are ${routes}`;
    return answerFailure(new HttpFailure(404, "ERR_SERVER_ROUTE", message), reply);
  });
  // Connections that stay open would hold up the end.
  app.addHook("onSend", async (_request, reply) => {
    if (admission.stopped) reply.header("connection", "close");
  });
  app.addHook("onResponse", async (request, reply) => {
    const route = request.routeOptions.url ?? "none";
    metrics.requests.inc({ route, status: reply.statusCode });
    metrics.latency.observe({ route }, reply.elapsedTime / 1000);
  });

  app.get("/health", (_request, reply) => {
    const { name, model, untrained, device } = tokenizer.info;
    const { active, stopped } = admission;
    const status = stopped ? "stopping" : "ok";
    return reply
      .code(stopped ? 503 : 200)
      .send({ status, model: { name, fingerprint: model, untrained }, device, active });
  });
  app.get("/metrics", async (_request, reply) =>
    reply.type(metrics.registry.contentType).send(await metrics.registry.metrics()),
  );
  app.register(async (routes) => {
    limitRequests(routes, admission);
    addTokensRoute(routes, machinery);
  });
  app.register(async (routes) => {
    limitRequests(routes, admission);
    addSpeechRoute(routes, machinery);
  });

  return {
    app,
    stop: async () => {
      admission.stop();
      const grace = setTimeout(() => admission.abort(), settings.graceSeconds * 1000);
      await app.close();
      clearTimeout(grace);
    },
  };
}

interface Machinery {
  readonly tokenizer: Tokenizer;
  readonly batcher: Batcher;
  readonly metrics: Metrics;
  readonly settings: ServerSettings;
}

/** Before the body is read: refuses what is too much, and aborts the work of clients that leave. */
function limitRequests(routes: FastifyInstance, admission: Admission): void {
  routes.addHook("onRequest", async (request, reply) => {
    const work = admission.enter();
    request.work = work;
    reply.raw.once("close", () => {
      admission.leave(work);
      if (!reply.raw.writableFinished) work.abort(new HttpFailure(499, "ERR_SERVER_CLIENT", "The client has left"));
    });
  });
}

/** POST /v1/tokens: the bytes of an audio file -> tokens. */
function addTokensRoute(routes: FastifyInstance, { batcher, metrics, settings }: Machinery): void {
  const { maxSeconds } = settings;
  const decoding = new Turns(availableParallelism());
  const maxSamples = maxSeconds * LARGEST_RATE * MOST_CHANNELS;
  acceptBytes(routes, ["audio/*", "application/ogg", BINARY_TYPE]);
  const format = { type: "string", enum: ["json", "lmspt"] };
  const schema = { querystring: { type: "object", properties: { format }, additionalProperties: false } };
  routes.post<{ Querystring: { format?: "json" | "lmspt" } }>("/v1/tokens", { schema }, async (request, reply) => {
    const { signal } = request.work!;
    const audio = await decoding.take(() => loadAudio(bodyOf(request), { signal, maxSamples }));
    const seconds = audio.samples.length / audio.sampleRate;
    requireLength(seconds, maxSeconds);
    const tokens = await batcher.encode(audio, { signal });
    metrics.audio.inc({ route: "/v1/tokens" }, seconds);
    const wanted = request.query.format ?? (request.headers.accept?.includes(TOKEN_TYPE) ? "lmspt" : "json");
    if (wanted === "lmspt") return reply.type(TOKEN_TYPE).send(encodeTokenFile(tokens));
    return reply.type("application/json").send(JSON.stringify(tokensToJson(tokens)));
  });
}

interface SpeechQuery {
  readonly mode?: DecodeMode;
  readonly codebooks?: number;
  readonly encoding?: WavWriteEncoding;
}

/** POST /v1/speech: tokens -> WAV. */
function addSpeechRoute(routes: FastifyInstance, { tokenizer, batcher, metrics, settings }: Machinery): void {
  const { maxSeconds } = settings;
  const { frameRate, config } = tokenizer;
  acceptBytes(routes, [TOKEN_TYPE, BINARY_TYPE, "application/json"]);
  const properties = {
    mode: { type: "string", enum: ["full", "semantic", "acoustic", "aux"] },
    codebooks: { type: "integer", minimum: 1, maximum: config.n_codebooks },
    encoding: { type: "string", enum: ["pcm16", "pcm24", "float32"] },
  };
  const schema = { querystring: { type: "object", properties, additionalProperties: false } };
  const bodyLimit = Math.ceil(maxSeconds * frameRate * config.n_codebooks * JSON_CODE_BYTES) + JSON_REST_BYTES;
  routes.post<{ Querystring: SpeechQuery }>("/v1/speech", { schema, bodyLimit }, async (request, reply) => {
    const { signal } = request.work!;
    const { mode, codebooks, encoding } = request.query;
    const tokens = readTokens(request);
    const seconds = tokens.samples / tokens.sampleRate;
    requireLength(seconds, maxSeconds);
    const speech = await batcher.decode(tokens, { mode, codebooks, signal });
    metrics.audio.inc({ route: "/v1/speech" }, seconds);
    return reply.type("audio/wav").send(encodeWav(speech, { encoding }));
  });
}

/** Takes bodies of these media types as they come, and no others; `audio/*` stands for all that begin so. */
function acceptBytes(routes: FastifyInstance, types: readonly string[]): void {
  for (const type of types) {
    const pattern = type.endsWith("/*") ? new RegExp(`^${type.slice(0, -1)}`) : type;
    routes.addContentTypeParser(pattern, { parseAs: "buffer" }, (_request, body, done) => done(null, body));
  }
  routes.addContentTypeParser("*", (request, _body, done) => {
    const expected = `Expected a Content-Type of ${types.join(", ")}`;
    const received = request.headers["content-type"] ?? "none";
    done(new HttpFailure(415, "ERR_SERVER_MEDIA_TYPE", `${expected} but received ${received}`));
  });
}

function bodyOf({ body }: FastifyRequest<object>): Buffer {
  if (Buffer.isBuffer(body) && body.length > 0) return body;
  throw new HttpFailure(400, "ERR_SERVER_EMPTY", "Expected a body with the bytes of a file, but it is empty");
}

function readTokens(request: FastifyRequest<object>): Tokens {
  const body = bodyOf(request);
  if (request.headers["content-type"]?.startsWith("application/json")) return tokensFromJson(body.toString());
  return decodeTokenFile(body);
}

function requireLength(seconds: number, most: number): void {
  if (seconds <= most) return;
  const message = `Expected at most ${most} s of audio but received ${seconds.toFixed(1)} s`;
  throw new HttpFailure(413, "ERR_SERVER_TOO_LONG", message);
}

function answerFailure(error: Error, reply: FastifyReply): FastifyReply {
  const { status, body, retryAfter } = explainFailure(error);
  if (status === 500) console.error(error);
  if (retryAfter !== undefined) reply.header("retry-after", String(retryAfter));
  return reply.code(status).type("application/json").send(JSON.stringify(body));
}
