package io.agora.rtm;

/** As far as the adapters know it. */
public class ErrorInfo {}
