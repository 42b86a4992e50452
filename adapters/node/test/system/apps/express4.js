'use strict';

require('./express5')
  .build(require('express4'))
  .listen(3000, () => console.log('listening'));
