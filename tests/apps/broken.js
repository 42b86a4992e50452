throw new Error('this app cannot begin');
