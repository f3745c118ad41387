const path = require('node:path');
const { getDefaultConfig, mergeConfig } = require('@react-native/metro-config');

const packages = __dirname.replace(/\/\.apps\/.*/, '');
module.exports = mergeConfig(getDefaultConfig(__dirname), {
  watchFolders: [packages],
  resolver: { nodeModulesPaths: [path.join(packages, 'node_modules')] },
});
