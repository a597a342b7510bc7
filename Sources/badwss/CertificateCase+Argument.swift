public import ArgumentParser
import Foundation
public import WebSocketTesting

extension CertificateCase: ExpressibleByArgument {}
