//! The Swiftiply connector for Node.
