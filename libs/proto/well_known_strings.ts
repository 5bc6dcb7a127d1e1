// SPDX-License-Identifier: Apache-2.0
/**
 * The kinds of strings that rules of protoc-gen-validate name, and its patterns.
 * @module
 */

/** Tells whether a string is what its kind says. */
export type StringTest = (text: string) => boolean;

/** Tests by the names of the fields of `StringRules.well_known`, but for `well_known_regex`. */
export const WELL_KNOWN_STRINGS: Readonly<Record<string, { what: string; test: StringTest }>> = {
  email: { what: "an email address", test: isEmail },
  hostname: { what: "a host name", test: isHostname },
  ip: { what: "an IP address", test: (text) => isIpv4(text) || isIpv6(text) },
  ipv4: { what: "an IPv4 address", test: isIpv4 },
  ipv6: { what: "an IPv6 address", test: isIpv6 },
  uri: {
    what: "an absolute URI",
    test: (text) => /^[A-Za-z][A-Za-z0-9+.-]*:/.test(text) && isUriRef(text),
  },
  uriRef: { what: "a URI reference", test: isUriRef },
  address: { what: "a host name or IP address", test: isAddress },
  uuid: { what: "a UUID", test: (text) => UUID.test(text) },
};

const UUID = /^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/;
const URI_REF = /^(?:[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*$/;

function isUriRef(text: string): boolean {
  // A colon before the first slash makes what stands before it a scheme.
  const scheme = /^[^/?#]*?:/.exec(text)?.[0];
  return URI_REF.test(text) && (scheme === undefined || /^[A-Za-z][A-Za-z0-9+.-]*:$/.test(scheme));
}

function isEmail(text: string): boolean {
  const at = text.lastIndexOf("@");
  if (at < 1 || at > 64 || text.length > 254) return false;
  return /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/
    .test(text.slice(0, at)) && isHostname(text.slice(at + 1));
}

/** By RFC 1034: labels of letters, digits and inner hyphens; a dot may stand at the end. */
export function isHostname(text: string): boolean {
  const name = text.endsWith(".") ? text.slice(0, -1) : text;
  if (name.length > 253) return false;
  return name.split(".").every((label) =>
    /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/.test(label)
  );
}

function isAddress(text: string): boolean {
  return isHostname(text) || isIpv4(text) || isIpv6(text);
}

/** Tells whether a text is a dotted IPv4 address. */
export function isIpv4(text: string): boolean {
  const parts = text.split(".");
  return parts.length === 4 &&
    parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256);
}

/** Tells whether a text is an IPv6 address, with `::` and a dotted end as RFC 4291 allows. */
export function isIpv6(text: string): boolean {
  const halves = text.split("::");
  if (halves.length > 2) return false;
  const groups = halves.flatMap((half) => half === "" ? [] : half.split(":"));
  const last = groups.at(-1) ?? "";
  const dotted = last.includes(".");
  if (dotted && !isIpv4(last)) return false;
  const hex = dotted ? groups.slice(0, -1) : groups;
  if (!hex.every((group) => /^[0-9A-Fa-f]{1,4}$/.test(group))) return false;
  const count = hex.length + (dotted ? 2 : 0);
  return halves.length === 2 ? count < 8 : count === 8;
}

/** Numbers of `validate.KnownRegex`. */
const HTTP_HEADER_NAME = 1;
const HTTP_HEADER_VALUE = 2;

const HEADER_NAME = /^:?[0-9a-zA-Z!#$%&'*+\-.^_|~`]+$/;
// deno-lint-ignore no-control-regex -- The rule is about control characters.
const HEADER_VALUE = /^[^\u0000-\u0008\u000A-\u001F\u007F]*$/;
// deno-lint-ignore no-control-regex -- The rule is about control characters.
const LOOSE_HEADER = /^[^\u0000\u000A\u000D]*$/;

/** Returns the pattern of a `well_known_regex` and what it describes. */
export function knownRegex(
  kind: number,
  strict: boolean,
): { what: string; pattern: RegExp } | undefined {
  if (kind !== HTTP_HEADER_NAME && kind !== HTTP_HEADER_VALUE) return undefined;
  const what = kind === HTTP_HEADER_NAME ? "an HTTP header name" : "an HTTP header value";
  const exact = kind === HTTP_HEADER_NAME ? HEADER_NAME : HEADER_VALUE;
  return { what, pattern: strict ? exact : LOOSE_HEADER };
}

/**
 * Returns a pattern of RE2 as a regular expression of JavaScript, which knows nearly all of its
 * syntax.
 * @throws SyntaxError for a pattern that it does not know.
 */
export function fromRe2(pattern: string): RegExp {
  const [, flags = "", body = ""] = /^(?:\(\?([ims]+)\))?([\s\S]*)$/.exec(pattern) ?? [];
  const translated = body.replace(
    /\\[\s\S]|\[:(\^?)(\w+):\]/g,
    (match, not?: string, name?: string) => {
      if (match === "\\z") return "$";
      if (match === "\\A") return "^";
      if (NEEDLESS_ESCAPE.test(match)) return hexEscape(match.charCodeAt(1));
      return name === undefined ? match : (POSIX_CLASSES[`${not}${name}`] ?? match);
    },
  );
  return new RegExp(translated, `u${flags}`);
}

/** RE2 takes a backslash before any punctuation, JavaScript only where it means something. */
const NEEDLESS_ESCAPE = /^\\[-!"#%&',:;<=>@_`~]$/;

function hexEscape(code: number): string {
  return `\\x${code.toString(16).padStart(2, "0")}`;
}

const POSIX_CLASSES: Readonly<Record<string, string>> = {
  alnum: "0-9A-Za-z",
  alpha: "A-Za-z",
  digit: "0-9",
  lower: "a-z",
  space: "\\t\\n\\v\\f\\r ",
  upper: "A-Z",
  word: "0-9A-Za-z_",
  xdigit: "0-9A-Fa-f",
  "^digit": "\\D",
  "^space": "\\S",
  "^word": "\\W",
};
