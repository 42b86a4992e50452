'use strict';

throw new Error('this app cannot start');
