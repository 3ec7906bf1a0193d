/** Takes codecs away from a browser, so that it answers and offers like one that was built without them. */

export function takeAway(mimeTypes: string[]): void {
  const gone = new Set(mimeTypes.map((name) => name.toLowerCase()));
  const codecs = RTCRtpReceiver.getCapabilities('video')?.codecs ?? [];
  const left = codecs.filter(({ mimeType }) => !gone.has(mimeType.toLowerCase()));
  const narrow = (connection: RTCPeerConnection) => {
    for (const transceiver of connection.getTransceivers()) {
      const isReceiving = transceiver.direction !== 'sendonly' && transceiver.direction !== 'stopped';
      if (isReceiving && transceiver.receiver.track.kind === 'video') transceiver.setCodecPreferences(left);
    }
  };
  const native = RTCPeerConnection.prototype;
  const createOffer = native.createOffer as (options?: RTCOfferOptions) => Promise<RTCSessionDescriptionInit>;
  native.createOffer = function (this: RTCPeerConnection, options?: RTCOfferOptions) {
    narrow(this);
    return createOffer.call(this, options);
  } as typeof native.createOffer;
  const createAnswer = native.createAnswer as (options?: RTCAnswerOptions) => Promise<RTCSessionDescriptionInit>;
  native.createAnswer = function (this: RTCPeerConnection, options?: RTCAnswerOptions) {
    narrow(this);
    return createAnswer.call(this, options);
  } as typeof native.createAnswer;
}
