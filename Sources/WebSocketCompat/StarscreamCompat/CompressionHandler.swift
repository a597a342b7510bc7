/// An object that compresses messages. Here it is the library, which offers permessage-deflate unless
/// `options.connection.compression` says otherwise.
public protocol CompressionHandler: AnyObject, Sendable {}
