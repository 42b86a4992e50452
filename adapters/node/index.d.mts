export * from './index.js';
import * as swiftiply from './index.js';
export default swiftiply;
