//! The Swiftiply connector for Python.
