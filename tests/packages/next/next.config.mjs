// The build tools are in a folder above the app.
export default { turbopack: { root: import.meta.dirname.replace(/\/\.apps\/.*/, '') } };
