public import ArgumentParser
public import WebSocketTesting

extension CertificateCase: ExpressibleByArgument {}
