// Browsers and node.
export const IS_NODE = typeof process === "object" && Boolean(process.versions?.node);
// Not for bundlers to look for.
export const nodeModule = (name) => import(/* webpackIgnore: true */ /* @vite-ignore */ `node:${name}`);
