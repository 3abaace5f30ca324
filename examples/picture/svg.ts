/** Writing SVG. Coordinates are pixels. */

type Attributes = Readonly<Record<string, string | number>>;

/** An element; `content` is SVG already. */
export function element(name: string, attributes: Attributes, content = ""): string {
  const list = Object.entries(attributes).map(([key, value]) => ` ${key}="${escapeText(String(value))}"`);
  return content === "" ? `<${name}${list.join("")}/>` : `<${name}${list.join("")}>${content}</${name}>`;
}

export function text(x: number, y: number, content: string, attributes: Attributes = {}): string {
  return element("text", { x: round(x), y: round(y), ...attributes }, escapeText(content));
}

export function rectangle(x: number, y: number, width: number, height: number, attributes: Attributes = {}): string {
  return element("rect", { x: round(x), y: round(y), width: round(width), height: round(height), ...attributes });
}

export function line(x1: number, y1: number, x2: number, y2: number, attributes: Attributes = {}): string {
  return element("line", { x1: round(x1), y1: round(y1), x2: round(x2), y2: round(y2), ...attributes });
}

/** A PNG file, stretched to a rectangle. */
export function image(x: number, y: number, width: number, height: number, png: Buffer): string {
  const href = `data:image/png;base64,${png.toString("base64")}`;
  return element("image", { x, y, width, height, href, preserveAspectRatio: "none" });
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

function escapeText(value: string): string {
  return value.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
