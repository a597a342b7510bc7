internal import LibWebSockets
internal import Synchronization

/// The side of a connection's reader, and of handlers that wait for what it reads.
extension Dispatcher {
    /// Returns `nil` when the connection may be read on; else a completion for when it may.
    func room(for generation: UInt64) -> Completion<Void>? {
        state.change { state, afterwards in
            if state.inbox.mayRead(generation) { return nil }
            let room = Completion<Void>()
            state.roomWaiters[generation] = room
            for waiter in state.readWaiters.removeValue(forKey: generation) ?? [] { waiter.succeed(&afterwards) }
            failHandlerWaits(&state, &afterwards)
            return room
        }
    }

    func append(_ messages: [WebSocketMessage], from generation: UInt64) {
        state.change { state, afterwards in
            state.inbox.append(messages, from: generation)
            startTaking(&state, &afterwards)
        }
    }

    func endReading(_ generation: UInt64) {
        state.change { state, afterwards in
            state.inbox.endReading(generation)
            state.readersAtWork.remove(generation)
            for waiter in state.readWaiters.removeValue(forKey: generation) ?? [] { waiter.succeed(&afterwards) }
            completeIdleWaiters(&state, &afterwards)
            startTaking(&state, &afterwards)
        }
    }

    /// Returns a completion for when all that the connection brought before its end was read, as far as there is room.
    func readingEnds(_ generation: UInt64) -> Completion<Void> {
        let read = Completion<Void>()
        state.change { state, afterwards in
            if state.readersAtWork.contains(generation), state.roomWaiters[generation] == nil {
                state.readWaiters[generation, default: []].append(read)
            } else {
                read.succeed(&afterwards)
            }
        }
        return read
    }

    func wakeRoomWaiters(_ state: inout State, _ afterwards: inout Afterwards) {
        for (generation, waiter) in state.roomWaiters where state.inbox.mayRead(generation) {
            state.roomWaiters[generation] = nil
            waiter.succeed(&afterwards)
        }
    }

    // MARK: Handlers that wait

    /// Runs a call of a handler's that waits for the peer. Meanwhile reading goes on beyond the limit on messages.
    ///
    /// - Parameter body: Gets what completes when reading has come to the limit on bytes, so that only the handler's return
    ///   could make it go on.
    func whileHandlerWaits<Result>(_ body: (Completion<Void>) async throws -> Result) async rethrows -> Result {
        let full = Completion<Void>()
        state.change { state, afterwards in
            state.inbox.beginHandlerWait()
            state.handlerWaits[ObjectIdentifier(full)] = full
            wakeRoomWaiters(&state, &afterwards)
            if !state.roomWaiters.isEmpty { failHandlerWaits(&state, &afterwards) }
        }
        defer {
            state.withLock { state in
                state.inbox.endHandlerWait()
                state.handlerWaits[ObjectIdentifier(full)] = nil
            }
        }
        return try await body(full)
    }

    private func failHandlerWaits(_ state: inout State, _ afterwards: inout Afterwards) {
        guard !state.inbox.hasRoomInBytes else { return }
        for wait in state.handlerWaits.values { wait.succeed(&afterwards) }
    }
}
