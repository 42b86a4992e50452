import swiftiply from './index.js';

export const { createServer, serve, serverFactory, version, OptionError, RefusedError } = swiftiply;
export default swiftiply;
