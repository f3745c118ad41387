// What builds the app lies above it.
export default { turbopack: { root: import.meta.dirname.replace(/\/\.apps\/.*/, '') } };
