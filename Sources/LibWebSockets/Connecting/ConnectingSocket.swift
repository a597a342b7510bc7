internal import CLibwebsockets
internal import LibC

/// A TCP or Unix connection that libwebsockets makes, to be taken over as soon as it stands.
///
/// It is a connection without a protocol (`method = "RAW"`), so that libwebsockets neither writes nor reads anything. The
/// callback that says that it is connected takes over a duplicate of the descriptor, and then makes libwebsockets close its
/// own: for a client in this role, that is a mere close(2).
@safe final class ConnectingSocket: LoopSocket {
    typealias Callback = (Result<CInt, PipeEnd>) -> Void

    private var callback: Callback?
    private var result: Result<CInt, PipeEnd>?
    private let address: SocketAddress

    /// - Parameter callback: Called once, unless this is cancelled, with the connected socket, which is the callee's
    ///   from then on.
    init(core: LoopCore, address: SocketAddress, callback: @escaping Callback) {
        self.address = address
        self.callback = callback
        super.init(core: core)
    }

    deinit {
        if case .success(let descriptor) = result { closeDescriptor(descriptor) }
    }

    /// Starts to connect. The result is told after the turn.
    func connect() throws(WebSocketError) {
        core.preconditionOnLoop()
        var info = unsafe lws_client_connect_info()
        unsafe info.port = CInt(address.port)
        unsafe info.method = LoopCallback.rawMethod
        unsafe info.retry_and_idle_policy = UnsafePointer(LoopCallback.noRetryPolicy)
        unsafe info.local_protocol_name = LoopCallback.namePointer
        unsafe info.opaque_user_data = Unmanaged.passUnretained(self as LoopSocket).toOpaque()
        core.retain(self)
        let name = unsafe strdup(address.libwebsocketsAddress)
        defer { unsafe free(name) }
        unsafe info.address = UnsafePointer(name)
        unsafe info.host = UnsafePointer(name)
        let handle: OpaquePointer?
        do {
            unsafe handle = try core.connect(&info)
        } catch {
            core.release(self)
            throw error
        }
        // Callbacks may have run by now, and even have taken the connection over.
        if unsafe handle == nil {
            unsafe wsi = nil
            core.releaseRefused(self)
            complete(.failure(PipeEnd(stage: .connect, cause: .library("refused at once"))))
        } else if result == nil {
            unsafe wsi = handle
        }
    }

    /// Gives up connecting without telling anybody.
    func cancel() {
        callback = nil
        close()
    }

    override func handle(_ event: LoopSocketEvent) -> Bool {
        // libwebsockets is about to close it by itself.
        defer { if result != nil { unsafe wsi = nil } }
        switch event {
        case .connected:
            // It may be too late, as when the loop ends: nobody would close a descriptor that is taken over.
            if result == nil { complete(takeOver()) }
            return false
        case .failed(let words):
            let error = systemError
            complete(
                .failure(PipeEnd(stage: .connect, cause: error.map { .systemError($0) } ?? .library(words))))
        case .closed:
            complete(
                .failure(PipeEnd(stage: .connect, cause: systemError.map { .systemError($0) } ?? .endOfStream)))
        case .readable, .writable: break
        }
        return true
    }

    override func loopEnds() {
        complete(.failure(PipeEnd(stage: .connect, cause: .loopShutDown)))
        service()
    }

    override func destroyed() {
        complete(.failure(PipeEnd(stage: .connect, cause: .library("closed"))))
    }

    private func complete(_ result: Result<CInt, PipeEnd>) {
        guard self.result == nil else { return }
        self.result = result
        serviceAfterTurn()
    }

    override func service() {
        guard let result, let callback else { return }
        self.callback = nil
        // The descriptor is the callee's.
        self.result = .failure(PipeEnd(stage: .connect, cause: .endOfStream))
        callback(result)
    }

    private func takeOver() -> Result<CInt, PipeEnd> {
        guard let descriptor else { return .failure(PipeEnd(stage: .connect, cause: .endOfStream)) }
        let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
        guard copy >= 0 else { return .failure(PipeEnd(stage: .connect, cause: .systemError(errno))) }
        // The bytes that follow are for this peer alone, whatever the environment or the library thinks of proxies.
        switch address.isPeer(of: copy) {
        case true?: return .success(copy)
        case nil:
            // The system does not tell any more: the peer has reset the connection already.
            let error = systemError ?? ECONNRESET
            closeDescriptor(copy)
            return .failure(PipeEnd(stage: .connect, cause: .systemError(error)))
        case false?:
            closeDescriptor(copy)
            return .failure(
                PipeEnd(stage: .connect, cause: .library("libwebsockets connected to another address")))
        }
    }

    /// The error that the system holds for this socket, such as `ECONNREFUSED` (`SO_ERROR`, socket(7)).
    private var systemError: Int32? {
        guard let descriptor else { return nil }
        var error: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        let code = unsafe getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &length)
        return code == 0 && error != 0 ? error : nil
    }
}
