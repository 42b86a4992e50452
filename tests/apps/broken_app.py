raise RuntimeError("this app cannot begin")
