// Whether a bundle is whole, and who vouches for it.
import { IS_NODE, nodeModule } from "./platform.js";
import { PgscoreError } from "./errors.js";
import { isObject } from "./texts.js";
import { canonical } from "./canonical.js";

const hexText = (bytes) => Array.from(bytes, (each) => each.toString(16).padStart(2, "0")).join("");
const hexBytes = (digits) => Uint8Array.from(String(digits).match(/../g) ?? [], (each) => parseInt(each, 16));

/** WebCrypto, which node 18 has in a module. */
async function subtle() {
  const { crypto } = globalThis;
  if (crypto?.subtle) return crypto.subtle;
  if (IS_NODE) return (await nodeModule("crypto")).webcrypto.subtle;
  throw new PgscoreError(
    "there is no WebCrypto here to check the bundle with", "Browsers have it on pages from https and from localhost.", "42501",
  );
}

/** Holds that a bundle has the SHA-256 that it names, and, where keys are given, the signature of one of them. */
export async function checkSeal(document, keys) {
  const { sha256, signature, ...stated } = document;
  const digest = async (bytes) => hexText(new Uint8Array(await (await subtle()).digest("SHA-256", bytes)));
  if ((await digest(new TextEncoder().encode(canonical(stated)))) !== sha256) {
    throw new PgscoreError("the bundle is not what its SHA-256 says: it was changed", "Fetch it again.", "XX001");
  }
  if (keys.length === 0) return;
  const hint = "`pgscore bundle --key` signs one.";
  if (!isObject(signature)) throw new PgscoreError("the bundle carries no signature, and one is wanted", hint, "42501");
  for (const pem of keys) {
    const spki = Uint8Array.from(atob(String(pem).replace(/-----[^-]*-----|\s/g, "")), (each) => each.charCodeAt(0));
    if ((await digest(spki.slice(-32))).slice(0, 16) !== signature.key_id) continue;
    const key = await (await subtle()).importKey("spki", spki, { name: "Ed25519" }, false, ["verify"]);
    const message = new TextEncoder().encode(`pgscore bundle 1\n${sha256}`);
    if (await (await subtle()).verify({ name: "Ed25519" }, key, hexBytes(signature.value), message)) return;
    throw new PgscoreError(`the signature of key ${signature.key_id} does not cover this bundle`, "Fetch it again.", "42501");
  }
  throw new PgscoreError(`the bundle is signed with key ${signature.key_id}, which is not trusted here`, hint, "42501");
}
