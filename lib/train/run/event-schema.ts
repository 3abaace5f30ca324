/** The part of TensorBoard's event.proto and summary.proto that a run writes, by protobufjs. */
import protobuf from "protobufjs/light.js";

export interface SummaryValue {
  readonly tag: string;
  readonly simpleValue?: number;
  readonly image?: {
    readonly height: number;
    readonly width: number;
    readonly colorspace: number;
    readonly encodedImageString: Uint8Array;
  };
  readonly audio?: {
    readonly sampleRate: number;
    readonly numChannels: number;
    readonly lengthFrames: number;
    readonly encodedAudioString: Uint8Array;
    readonly contentType: string;
  };
}

export interface Event {
  /** Seconds since 1970. */
  readonly wallTime: number;
  readonly step: number;
  readonly fileVersion?: string;
  readonly summary?: { readonly value: readonly SummaryValue[] };
}

const nested = {
  Event: {
    fields: {
      wallTime: { type: "double", id: 1 },
      step: { type: "int64", id: 2 },
      fileVersion: { type: "string", id: 3 },
      summary: { type: "Summary", id: 5 },
    },
  },
  Summary: { fields: { value: { rule: "repeated", type: "Value", id: 1 } } },
  Value: {
    fields: {
      tag: { type: "string", id: 1 },
      simpleValue: { type: "float", id: 2 },
      image: { type: "Image", id: 4 },
      audio: { type: "Audio", id: 6 },
    },
  },
  Image: {
    fields: {
      height: { type: "int32", id: 1 },
      width: { type: "int32", id: 2 },
      colorspace: { type: "int32", id: 3 },
      encodedImageString: { type: "bytes", id: 4 },
    },
  },
  Audio: {
    fields: {
      sampleRate: { type: "float", id: 1 },
      numChannels: { type: "int64", id: 2 },
      lengthFrames: { type: "int64", id: 3 },
      encodedAudioString: { type: "bytes", id: 4 },
      contentType: { type: "string", id: 5 },
    },
  },
};

const eventType = protobuf.Root.fromJSON({ nested }).lookupType("Event");

export function encodeEvent(event: Event): Uint8Array {
  return eventType.encode(eventType.fromObject(event)).finish();
}

/** The inverse; fields that the schema above lacks are left out. */
export function decodeEvent(bytes: Uint8Array): Event {
  return eventType.toObject(eventType.decode(bytes), { longs: Number }) as Event;
}
