raise "this app cannot begin"
